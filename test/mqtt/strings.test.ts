import { runCases } from './case.ts'
import { cases } from './cases/strings.ts'

runCases(cases)
