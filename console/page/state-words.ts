/** States as people say them. */
export const stateWords: Record<string, string> = { 'never-seen': 'never seen' }
