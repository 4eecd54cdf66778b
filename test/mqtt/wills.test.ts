import { runCases } from './case.ts'
import { cases } from './cases/wills.ts'

runCases(cases)
