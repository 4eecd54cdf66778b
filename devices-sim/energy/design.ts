/** A device for questions before any scenario: what is not said is as common firmware has it. */
import { perfectLink } from '../link/link.ts'
import type { Profile } from '../profile.ts'
import { profileDefaults } from '../scenario/defaults.ts'

const common: Profile = {
  ...profileDefaults,
  name: 'design',
  site: 'site',
  prefix: 'device',
  format: 'json',
  keepAliveS: 60,
  window: 10,
  retryS: 10,
  radio: 'lte-m',
  cell: 'li-socl2-aa',
  tls: '1.3',
  link: perfectLink,
}

export const profileOf = (changes: Partial<Profile>): Profile => ({ ...common, ...changes })
