import { defineConfig } from 'vitest/config'

// Tests start real servers and kill them: files run one after another, so that none starves another of the two cores.
export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules', 'dist'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
})
