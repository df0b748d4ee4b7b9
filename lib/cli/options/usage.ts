/**
 * What `anax --help` prints. The options themselves are in options.ts; a test compares the two.
 */

export const USAGE = `Usage: anax [options]
       anax pub|sub|status|clients|kick --help
       anax passwd [--format F | --delete] FILE NAME
       anax check|compact DIR
       anax backup|salvage DIR NEW-DIR
       anax export DIR [FILE]
       anax import DIR [FILE]

Runs an MQTT broker (5.0, 3.1.1 and 3.1). By default it accepts connections from this machine only.

Listening
  --host HOST             address to listen on                        [127.0.0.1]
  --port PORT             MQTT; 'off' for none, 0 for any free port   [1883]
  --ws-port PORT          MQTT over WebSocket; likewise               [8083]
  --tls-port PORT         MQTT over TLS                               [8883 with --cert]
  --wss-port PORT         MQTT over WebSocket and TLS                 [off]
  --unix FILE             MQTT on a Unix socket as well
  --admin-port PORT       dashboard and API, on 127.0.0.1 only        [8084]
  --admin-hosts LIST      names by which a proxy reaches it, for example
                          mqtt.example.com
  --admin-token-file FILE keep the token there                        [DIR/admin-token]
  --metrics [HOST:]PORT   metrics for Prometheus                      [off]
  --health [HOST:]PORT    /livez and /readyz for load balancers       [off]
  --cert FILE             certificate chain (PEM)
  --key FILE              its private key (PEM)
  --ca FILE               require client certificates signed by these authorities
  --trusted-proxies LIST  proxies that may state a client's address, for example
                          10.0.0.7,10.1.0.0/16
  --proxy-protocol        they begin connections to the MQTT ports with a PROXY
                          header; on WebSocket ports, Forwarded is read
  --allowed-origins LIST  web pages that may connect, by origin       [all]

Access
  --password-file FILE    user names and password hashes; see 'anax passwd'
  --user NAME:PASSWORD    one user; may be repeated. Others on this machine can see it
  --acl-file FILE         who may publish and read what, as in Mosquitto
  --jwt-key FILE          accept tokens: their secret or public key (PEM)
  --jwt-jwks URL          or the URL of its keys
  --jwt-algorithms LIST   accepted algorithms, for example RS256,ES256
  --jwt-issuer NAME       required issuer
  --jwt-audience NAME     required audience
  --jwt-from LIST         password, username, authorization, enhanced [password]
  --jwt-username-claim C  the claim that is the user name             [sub]
  --tls-identity KIND     the user name is in the client certificate: cn, dns,
                          uri, email or fingerprint. Needs --ca
  --tls-crl FILE          revoked certificates
  --auth-delay MS         delay after failed attempts of one address, which
                          doubles with each; 'off' for none           [500]
  --allow-anonymous       accept clients without a user name, from any address
  --public                start only if it is safe on the internet

Store
  --data DIR              keep sessions and messages in this folder   [anax-data]
  --memory                keep everything in memory instead
  --verify MODE           check for damage at startup: quick, full or off   [quick]

Cluster
  --cluster SERVERS       be a node of a cluster on these servers of NATS, with
                          commas between them; in the place of a store
  --cluster-replicas N    servers that have each message: 1, 3 or 5   [3]
  --cluster-shards N      streams that share the load, 1 to 64        [4]
  --cluster-prefix NAME   begins the names of streams                 [anax]
  --cluster-domain NAME   JetStream domain of the streams             [none]
  --cluster-sync MODE     how servers write to disk: interval, always [interval]
  --cluster-log-seconds N how long messages wait for those who are
                          away                                        [604800]
  --cluster-max-shard-bytes N  bytes of each stream                   [no limit]
  --cluster-credentials FILE   credentials of a user of NATS (.creds)
  --cluster-ca FILE       authorities of the servers' certificates (PEM)
  --cluster-cert FILE     certificate for the servers (PEM)
  --cluster-key FILE      its private key (PEM)
  --id NAME               name of the broker, and of the node         [random]

Limits
  --max-connections N             connections at once                       [100000]
  --max-clients-id-length N       bytes of a client identifier              [65535]
  --max-packet-size N             bytes of a packet                         [2097152]
  --max-connect-size N            bytes of CONNECT                          [65536]
  --max-incomplete-bytes N        bytes of packets that have not come whole [268435456]
  --max-user-properties N         user properties in CONNECT                [100]
  --max-subscriptions N           subscriptions of one client               [10000]
  --max-subscription-bytes N      their bytes                               [4194304]
  --max-total-subscription-bytes N  those of all clients                    [1073741824]
  --max-filters-per-packet N      filters in one SUBSCRIBE                  [2000]
  --max-topic-levels N            levels in a topic, up to 100              [100]
  --keepalive-limit N             seconds of a keep alive; 0 for no limit   [0]
  --max-sessions N                sessions in the store                     [100000]
  --max-session-bytes N           bytes of their names and filters          [268435456]
  --max-session-expiry N          seconds a session outlives its connection [no limit]
  --default-session-expiry N      the same, before 5.0                      [no limit]
  --max-wills N                   stored wills                              [100000]
  --max-will-bytes N              their bytes                               [67108864]
  --max-will-delay N              seconds that a will may be delayed        [7776000]
  --max-inflight N                unacknowledged messages to one client     [100]
  --receive-maximum N             unacknowledged messages of one client     [65535]
  --max-inflight-inbound N        the same, QoS 2 before 5.0                [65535]
  --max-concurrent-packets N      packets of one client worked on at a time [100]
  --topic-alias-maximum N         topic aliases of a client                 [16]
  --max-outbound-topic-aliases N  topic aliases towards a client            [16]
  --max-queued-messages N         messages waiting for one client           [1000]
  --max-burst-messages N          the same, while it drains its queue       [100000]
  --max-queued-bytes N            their bytes                               [16777216]
  --max-total-queued-bytes N      bytes in all queues                       [1073741824]
  --max-outbox-bytes N            bytes in memory for one client            [1048576]
  --max-burst-bytes N             the same, while it drains                 [16777216]
  --max-retained-messages N       retained messages                         [1000000]
  --max-retained-bytes N          their bytes                               [268435456]
  --max-retained-payload N        bytes of one of them                      [no limit]
  --max-retained-expiry N         seconds that they are kept                [no limit]
  --max-event-loop-delay-ms N     refuse clients above this delay           [no limit]
  --max-memory-bytes N            refuse clients above this heap + buffers  [no limit]

Rates (LIST: messages=N,bytes=N,connects=N, or some of them, per second)
  --client-rates LIST     of each client                              [no limit]
  --address-rates LIST    of all clients of one address               [no limit]
  --total-rates LIST      of all clients                              [no limit]
  --rate-patience SECONDS a client may be slowed down so long         [60]
  --flapping-ban SECONDS  ban of clients that take over each other    [0]

Other
  --sys-interval SECONDS  update $SYS/broker/ so often; 0 for never   [10]
  --presence SHAPE        publish who comes and goes, as retained messages:
                          state, emqx, aws or off                     [off]
  --config FILE           JSON object with these options, without the dashes
  --log-level LEVEL       error, warn, info or debug                  [info]
  --log-format FORMAT     text, or json: one object per line          [text]
  --help                  print this
  --version               print the version

'anax passwd FILE NAME' asks for a password (or reads a line from its input)
and sets it in FILE, in the format scrypt, argon2id or mosquitto; --delete
deletes the user. SIGHUP has a running broker read its files again.
'anax pub' and 'anax sub' publish and subscribe at any broker. 'anax status', 'anax
clients' and 'anax kick' look at and steer a broker that runs.
The commands for the folder of a store: docs/run/store.md.
`
