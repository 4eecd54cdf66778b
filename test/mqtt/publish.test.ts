import { runCases } from './case.ts'
import { cases } from './cases/publish.ts'

runCases(cases)
