// Prints the closing line of .ci/run from the JSON report of vitest, and ends with 0 when every test passed.
import { readFileSync } from 'node:fs'

function count(path) {
  let report
  try {
    report = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // The tests were never run, or their runner broke down.
    return { passed: 0, failed: 1, skipped: 0 }
  }
  // A file that cannot be loaded has no tests that could fail; it counts as one.
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  const failed = report.numFailedTests + broken.length
  return {
    passed: report.numPassedTests,
    // Errors outside of every test end the run badly without being counted anywhere.
    failed: failed === 0 && !report.success ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

const { passed, failed, skipped } = count(process.argv[2])
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed === 0 ? 0 : 1
