// Runs before anything else, in syntax that a very old Node still reads: one clear line instead of a stack trace.
var wanted = [20, 19]
var given = process.versions.node.split('.').map(Number)
if (given[0] < wanted[0] || (given[0] === wanted[0] && given[1] < wanted[1])) {
  console.error('dewpoint: Node ' + process.versions.node + ' is too old: wanted ' + wanted.join('.') + ' or newer (https://nodejs.org)')
  process.exit(2)
}
