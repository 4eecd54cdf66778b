/** One defect of aedes mended from outside. A mend takes part at up to three moments. */
import type { AedesOptions } from 'aedes'
import type { AedesBroker, AedesClient } from '../aedes-internals.ts'

export type Mend = {
  /** Before the broker is made: changes its options and hooks. */
  options?(options: AedesOptions): AedesOptions
  /** When the broker has its persistence, and before anybody connects. */
  listening?(aedes: AedesBroker): void
  /** For every connection, before its first byte is read. */
  connected?(client: AedesClient): void
}
