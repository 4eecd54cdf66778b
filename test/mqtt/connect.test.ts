import { runCases } from './case.ts'
import { cases } from './cases/connect.ts'

runCases(cases)
