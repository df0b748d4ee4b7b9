/** The example of docs/test/testing.md: its tests also test the kit. */
import '../../examples/thermostat/thermostat.test.js'
