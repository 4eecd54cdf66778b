/** Which alerts a question is about, those that matter first. */
import { type Alert, type AlertFilter, severities } from '../../telemetry/alert.ts'

const stateOrder: ReadonlyArray<Alert['state']> = ['firing', 'pending', 'resolved']

/** Firing before pending before resolved, then the gravest, then the newest. */
export function selectAlerts(standing: Alert[], resolved: Alert[], filter: AlertFilter): Alert[] {
  const { states, site, device, rule, severity, isSuppressed, max = Number.POSITIVE_INFINITY } = filter
  return [...standing, ...resolved]
    .filter(
      (it) =>
        (states === undefined || states.includes(it.state)) &&
        (rule === undefined || it.rule === rule) &&
        (severity === undefined || it.severity === severity) &&
        (isSuppressed === undefined || (it.suppressed !== null) === isSuppressed) &&
        isAbout(it, site, device),
    )
    .sort(
      (a, b) =>
        stateOrder.indexOf(a.state) - stateOrder.indexOf(b.state) ||
        severities.indexOf(b.severity) - severities.indexOf(a.severity) ||
        timeOf(b) - timeOf(a),
    )
    .slice(0, max)
}

const timeOf = (it: Alert): number => it.resolvedAtMs ?? it.firedAtMs ?? it.beganAtMs

const isAbout = (it: Alert, site: string | undefined, device: string | undefined): boolean =>
  (site === undefined && device === undefined) ||
  it.devices.some((name) => (site ?? name.site) === name.site && (device ?? name.device) === name.device)
