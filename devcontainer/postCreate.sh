#!/bin/sh
# Makes the clone's claude-sandbox.conf the container's, and proves a jail. Run it again after a change of the file.
# Arguments go to verify-sandbox: --offline where there is no internet.
set -eu
configuration=/etc/claude-sandbox.conf
cd "$(dirname "$0")"

die() {
  printf 'postCreate.sh: %s\n  fix: %s\n' "$1" "$2" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    command -v sudo >/dev/null || die "only root can write $configuration, and there is no sudo" "run this as root: postCreateCommand with remoteUser root"
    sudo "$@"
  fi
}

for program in claude-sandbox verify-sandbox; do
  command -v "$program" >/dev/null || die "$program is not installed in this image" "build it with devcontainer/Dockerfile, or add the Feature"
done

stamp() {
  as_root install -m 0644 "$1" "$configuration.part"
  as_root mv -fT "$configuration.part" "$configuration"
}

if ! cmp -s claude-sandbox.conf "$configuration"; then
  before=$(mktemp)
  trap 'rm -f "$before"' EXIT
  had=
  [ ! -e "$configuration" ] || { had=yes && cp "$configuration" "$before"; }
  stamp claude-sandbox.conf
  if ! claude-sandbox config --check; then
    if [ -n "$had" ]; then stamp "$before"; else as_root rm -f "$configuration"; fi
    die "$PWD/claude-sandbox.conf has errors, listed above; $configuration is as before" "fix them, and run this again"
  fi
  echo "$configuration is now that of $PWD"
fi
claude-sandbox config --check || die "the configuration has errors, listed above" "fix them, and run this again"
verify-sandbox "$@" || die "the jail does not hold, or cannot be built" "see above; in devcontainer.json: \"runArgs\": [\"--device=/dev/net/tun\"]"
