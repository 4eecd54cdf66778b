import { runCases } from './case.ts'
import { cases } from './cases/mqtt31.ts'

runCases(cases)
