/** A promise with its handles outside; Promise.withResolvers() needs Node 22. */
export type Deferred = { promise: Promise<void>; resolve(): void; reject(error: Error): void }

export function deferred(): Deferred {
  let resolve = (): void => {}
  let reject = (_error: Error): void => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
