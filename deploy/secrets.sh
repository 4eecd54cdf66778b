#!/bin/sh
# Makes deploy/.env with a random password for everything that wants one. What is in the file already is kept, so it can
# be run again after an update. Passwords count at the first start only: to change one later, change it in the service.
set -eu
umask 077
file=$(dirname "$0")/.env
touch "$file"
chmod 600 "$file"
for name in MQTT_PASSWORD INFLUX_PASSWORD INFLUX_TOKEN GRAFANA_PASSWORD; do
  if grep -q "^$name=." "$file"; then continue; fi
  # 32 bytes as hexadecimal digits: no character of them means anything to a shell, YAML, a URL or a header.
  secret=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
  printf '%s=%s\n' "$name" "$secret" >>"$file"
  echo "made $name"
done
echo "secrets are in $file: devices sign in as sensors, people to InfluxDB and Grafana as admin"
