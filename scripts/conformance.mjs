/**
 * Writes the tables of docs/behaviour/conformance.md from the table of clauses and the titles of the tests.
 * Run after npm run build; the test of the page fails as long as it is out of date.
 */
import { updatePage } from '../dist/test/support/conformance.js'

updatePage()
