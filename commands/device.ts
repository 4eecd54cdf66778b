/** `dewpoint device`: credentials of devices. A Dewpoint that runs hears of every change by the devices file. */
import { existsSync } from 'node:fs'
import { text as readAll } from 'node:stream/consumers'
import { type Account, accountName } from '../broker/access/account.ts'
import {
  type DeviceEntry,
  DevicesFileError,
  devicesFileIn,
  noDevices,
  readDevices,
} from '../broker/access/devices-file.ts'
import { derivedPassword } from '../broker/access/password.ts'
import { changeDevices } from '../broker/access/write-devices.ts'
import { type Config, configFileName, readConfigFile } from '../config/load.ts'
import { StartError } from '../telemetry/errors.ts'
import { printable } from '../telemetry/printable.ts'
import { assertUsable, newDevice, parseAccount, revokedDevice } from './device-entries.ts'
import { importDevices } from './device-import.ts'
import { parseOptions } from './options.ts'

const help = `Usage: dewpoint device add|list|revoke|password|import [options]

Credentials of devices, for broker.access of the configuration. NAME is gauge-7, or home/gauge-7 with the site; the same
is the device's user name.

  add NAME         a new device; prints the password that is made up for it
  list             all devices in the file
  revoke NAME      ends its connection, its session and its password, also a derived one or a certificate
  password NAME    prints the password derived from broker.access.derivedKey
  import FILE      devices of a CSV file with the columns device and perhaps site and password

  --site SITE      the site, when NAME is without                     (add, revoke, password)
  --replace        a new password for a device that has one           (add, import)
  --password-stdin the password is the first line of standard input   (add)
  --out FILE       where made up passwords go                         (import)
  --config FILE    configuration (default: telemetry.yaml where there is one)
  --data DIR       data folder, instead of the one in the configuration
  --json           the answer as JSON                                 (add, list, password)
  --help           this text

A Dewpoint that runs takes a change within a second.
Exit code: 0 when done, 2 for something to mend before.
`

const optionsOf = new Map([
  ['add', ['site', 'replace', 'password-stdin', 'json']],
  ['list', ['json']],
  ['revoke', ['site']],
  ['password', ['site', 'json']],
  ['import', ['replace', 'out']],
])

const out = (line: string) => process.stdout.write(`${line}\n`)

/** @throws StartError */
export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: argv,
    allowPositionals: true,
    options: {
      site: { type: 'string' },
      replace: { type: 'boolean', default: false },
      'password-stdin': { type: 'boolean', default: false },
      out: { type: 'string' },
      config: { type: 'string' },
      data: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const [verb = '', ...rest] = positionals
  const allowed = optionsOf.get(verb)
  if (allowed === undefined) {
    throw new StartError(`"${verb}" given, one of ${[...optionsOf.keys()].join(', ')} wanted; see --help`)
  }
  for (const option of ['site', 'replace', 'password-stdin', 'out', 'json'] as const) {
    const isGiven = values[option] !== undefined && values[option] !== false
    if (isGiven && !allowed.includes(option)) throw new StartError(`--${option}: not an option of ${verb}; see --help`)
  }
  const wanted = verb === 'list' ? 0 : 1
  if (rest.length !== wanted) {
    throw new StartError(`${verb}: ${rest.length} names given, ${wanted === 0 ? 'none' : 'one'} wanted`)
  }

  const config = readConfigFile(values.config ?? (existsSync(configFileName) ? configFileName : undefined))
  const { access } = config.broker
  const path = access?.devices ?? devicesFileIn(values.data ?? config.data)
  const [name = ''] = rest
  if (verb === 'list') await list(path, values.json)
  else if (verb === 'import') {
    const made = await importDevices({ file: name, path, out: values.out, replace: values.replace, access })
    process.stderr.write(
      `${made.length} devices are in ${path}${values.out ? `, their passwords in ${values.out}` : ''}\n`,
    )
  } else {
    const account = parseAccount(name, values.site)
    if (verb === 'revoke') await revoke(path, account)
    else {
      assertUsable(account, access)
      const username = accountName(account)
      const password =
        verb === 'password'
          ? derivedPassword(derivedKeyOf(config), username)
          : await add(path, username, values.replace, values['password-stdin'])
      if (values.json) out(JSON.stringify({ username, password }))
      else out(password)
    }
  }
  if (access === null && verb !== 'list') {
    process.stderr.write(
      'broker.access is not in the configuration: until it is there, devices need no password of their own\n',
    )
  }
  return 0
}

function derivedKeyOf({ broker }: Config): string {
  const [key] = broker.access?.derivedKeys ?? []
  if (key === undefined) throw new StartError('broker.access.derivedKey: not in the configuration, a key wanted')
  return key
}

async function add(path: string, name: string, isReplaced: boolean, isGiven: boolean): Promise<string> {
  const account = parseAccount(name, undefined)
  const chosen = isGiven ? (/^[^\r\n]*/.exec(await readAll(process.stdin))?.[0] ?? '') : null
  if (chosen === '') throw new StartError('--password-stdin: nothing came, a password wanted')
  const { entry, password } = await newDevice(account, chosen)
  await changeDevices(path, (devices) => {
    const before = devices.find(account)
    if (before !== null && before.site === account.site && !before.revoked && !isReplaced) {
      throw new StartError(
        `${name} has a password already; --replace gives it a new one, and ends what the old one began`,
      )
    }
    return [entry]
  })
  return password
}

async function revoke(path: string, account: Account): Promise<void> {
  await changeDevices(path, (devices) => {
    const entry = revokedDevice(devices, account)
    const isKnown = devices.find(account) !== null
    const what = isKnown
      ? 'is revoked'
      : 'was not in the file; a derived password or a certificate of it counts no more'
    process.stderr.write(`${accountName(entry)} ${what}\n`)
    return [entry]
  })
}

async function list(path: string, isJson: boolean): Promise<void> {
  const devices = await readDevices(path).catch((error: Error) => {
    if ('code' in error && error.code === 'ENOENT') return noDevices
    throw new StartError(error instanceof DevicesFileError ? error.message.split('\n') : `${path}: ${error.message}`)
  })
  if (isJson) {
    const all = [...devices.entries()].map((entry) => ({ username: accountName(entry), ...shown(entry) }))
    out(JSON.stringify(all))
    return
  }
  if (devices.size === 0) out(`no device is in ${path}`)
  for (const entry of devices.entries()) {
    const state = entry.revoked === null ? '' : `  revoked ${entry.revoked}`
    out(`${entry.created}  ${printable(accountName(entry))}${state}`)
  }
}

/** Without the hash: nobody needs it, and it is worth stealing. */
const shown = ({ device, site, created, revoked }: DeviceEntry) => ({ device, site, created, revoked })
