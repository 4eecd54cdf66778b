import type { AedesClient } from '../aedes-internals.ts'

const nothing = Buffer.alloc(0)

/** Resolves when what was written before has gone out, or the connection is gone. */
export const flushed = ({ conn }: AedesClient): Promise<void> =>
  new Promise((resolve) => {
    if (conn.destroyed || !conn.writable) resolve()
    else conn.write(nothing, () => resolve())
  })
