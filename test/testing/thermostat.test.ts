/** The example of docs/test/testing.md: its tests are tests of the kit as well. */
import '../../examples/thermostat/thermostat.test.js'
