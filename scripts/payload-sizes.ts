/** npm run payload-sizes: writes docs/payload-sizes.md. */
import { writeFileSync } from 'node:fs'
import { payloadSizes } from './payload-table.ts'

writeFileSync('docs/payload-sizes.md', payloadSizes())
console.log('docs/payload-sizes.md written')
