/** What stands as `client` in a message that no client of our own broker sent. Our broker admits nobody by such a name. */

const sourcePrefix = 'source:'
const httpPrefix = 'http'

export const sourceClient = (name: string): string => `${sourcePrefix}${name}`
export const isSourceClient = (client: string): boolean => client.startsWith(sourcePrefix)

/** `name`: what the sender calls itself; null: nothing. */
export const httpClient = (name: string | null): string => (name === null ? httpPrefix : `${httpPrefix}:${name}`)

export const isHttpClient = (client: string): boolean => client === httpPrefix || client.startsWith(`${httpPrefix}:`)

/** Names that belong to other entrances: a client of our broker by one of them could speak for their devices. */
export const isReservedClient = (client: string): boolean => isSourceClient(client) || isHttpClient(client)
