/** How many connected clients have so much waiting for them that publishers may have to wait. One per broker. */

export class Congestion {
  count = 0
}
