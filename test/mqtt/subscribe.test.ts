import { runCases } from './case.ts'
import { cases } from './cases/subscribe.ts'

runCases(cases)
