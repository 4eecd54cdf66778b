/** npm run energy: writes docs/energy.md. */
import { writeFileSync } from 'node:fs'
import { energyTable } from './energy-table.ts'

writeFileSync('docs/energy.md', energyTable())
console.log('docs/energy.md written')
