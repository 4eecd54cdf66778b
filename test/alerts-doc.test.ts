/** docs/alerts.md shows what the configuration takes, all of it. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the file names variables.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { templateNames } from '../config/alert-rules.ts'
import { alertRuleSchema, alertsSchema } from '../config/alert-schema.ts'
import { loadConfig } from '../config/load.ts'
import { notifierSchemas } from '../config/notifier-schema.ts'

const text = readFileSync(new URL('../docs/alerts.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map((found) => found[1] ?? '')
const env = {
  OPS_WEBHOOK: 'https://hooks.example/a',
  CHAT_WEBHOOK: 'https://hooks.example/b',
  TICKETS_SECRET: 'abc',
  SMTP_URL: 'smtp://mail.example:587',
}

test.each(blocks.map((block, i) => [i + 1, block]))('block %i of docs/alerts.md loads', (_, block) => {
  expect(loadConfig(block, 'alerts.md', env).alerts.rules.length).toBeGreaterThan(0)
})

test('docs/alerts.md shows every key of alerts and notifiers, every kind of rule, and every name of a template', () => {
  const yaml = blocks.join('\n')
  const schemas = [alertsSchema, alertRuleSchema, alertRuleSchema.properties.when, ...notifierSchemas]
  const keys = new Set(schemas.flatMap((schema) => Object.keys(schema.properties)))
  expect([...keys].filter((key) => !new RegExp(`[\\s{]${key}:`).test(yaml))).toEqual([])
  const { rules } = loadConfig(blocks[1] ?? '', 'alerts.md', env).alerts
  expect(rules.map(({ condition }) => condition.kind)).toEqual([
    'state',
    'threshold',
    'rate',
    'completeness',
    'no-data',
  ])
  expect(templateNames.filter((name) => !text.includes(`\`{${name}}\``))).toEqual([])
})
