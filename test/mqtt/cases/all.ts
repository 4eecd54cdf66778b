import type { Case } from '../case.ts'
import { cases as connecting } from './connect.ts'
import { cases as mqtt31 } from './mqtt31.ts'
import { cases as publishing } from './publish.ts'
import { cases as sessions } from './session.ts'
import { cases as strings } from './strings.ts'
import { cases as subscribing } from './subscribe.ts'
import { cases as wills } from './wills.ts'

export const allCases: Case[] = [
  ...strings,
  ...connecting,
  ...wills,
  ...publishing,
  ...subscribing,
  ...sessions,
  ...mqtt31,
]
