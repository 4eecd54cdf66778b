import { runCases } from './case.ts'
import { cases } from './cases/session.ts'

runCases(cases)
