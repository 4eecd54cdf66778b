#!/usr/bin/env bash
# The influxd that tests talk to, made from source: no registry has InfluxDB 2 as a binary, and Debian's is 1.6.
# Usage: build-influxd.sh [FOLDER]. Prints the path of the program as its last line. A program that is there is kept.
#
# Three things have to be made right for a plain `go build` of the published module:
#   - it links libflux, written in Rust, which InfluxData's own pkg-config builds on the way;
#   - libflux turns warnings into errors, and rustc has learnt warnings since;
#   - a module of someone else cannot be built with its own replace lines, so we build from a module of ours that
#     begins as a copy of its go.mod.
set -euo pipefail
readonly module=github.com/influxdata/influxdb/v2 version=v2.7.12
readonly folder=${1:-$HOME/.cache/influxd}
readonly program=$folder/influxd-$version

if [[ -x $program ]]; then
  echo "$program"
  exit
fi
exec 3>&1 1>&2 # Everything but the path is talk.

missing=()
command -v clang >/dev/null || missing+=(clang)
command -v pkg-config >/dev/null || missing+=(pkg-config)
command -v protoc >/dev/null || missing+=(protobuf-compiler)
if ((${#missing[@]})); then
  sudo=
  ((EUID == 0)) || sudo=sudo
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder" "$work/bin" "$work/src"

GOBIN=$work/bin go install github.com/influxdata/pkg-config@v0.2.14

cat >"$work/bin/rustc-lenient" <<'WRAPPER'
#!/bin/sh
compiler=$1
shift
exec "$compiler" "$@" --cap-lints warn
WRAPPER
chmod +x "$work/bin/rustc-lenient"

# cargo runs in folders where a toolchain file may ask for another one than the one that is installed.
if command -v rustup >/dev/null; then
  RUSTUP_TOOLCHAIN=$(rustup toolchain list | sed -n '1s/ .*//p')
  export RUSTUP_TOOLCHAIN
fi
export RUSTC_WRAPPER=$work/bin/rustc-lenient PKG_CONFIG=$work/bin/pkg-config PATH=$work/bin:$PATH

cd "$work/src"
published=$(go mod download -json "$module@$version" | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).Dir')
install -m 644 "$published/go.mod" "$published/go.sum" .
go mod edit -module=dewpoint.invalid/influxd -require="$module@$version"
cat >influxd.go <<GO
//go:build tools

package tools

import _ "$module/cmd/influxd"
GO
# -e: what only the tests of other modules need may be missing.
go mod tidy -e || true
go build -mod=mod -tags sqlite_foreign_keys,sqlite_json -o "$work/influxd" "$module/cmd/influxd"
# Moved at the end, so that an aborted build leaves nothing that looks like a program.
mv "$work/influxd" "$program"
echo "$program" >&3
