#!/bin/sh
# The Dev Container Feature: runs as root while an image is built. `release` beside it is an unpacked release of
# claude-sandbox for this machine; packaging/release puts it there. There is no device in a build, so the proof comes when
# the container was created.
set -eu
directory=$(CDPATH='' cd "$(dirname "$0")" && pwd)
release=$directory/release
drop_in=/etc/claude-sandbox.conf.d/50-devcontainer.conf

die() {
  printf 'claude-sandbox (Feature): %s\n  fix: %s\n' "$1" "$2" >&2
  exit 1
}

[ -x "$release/install.sh" ] || die "there is no release in $release" "take the Feature from a release, or make one: packaging/release"
if [ ! -x /usr/bin/pasta ] && [ ! -x /usr/local/bin/pasta ]; then
  command -v apt-get >/dev/null || die "pasta is not installed, and this image has no apt-get" "install the package passt in the image"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update
  apt-get -qq -y --no-install-recommends install passt || die "the image's distribution has no package passt" "use Debian 12, Ubuntu 24.04 or newer"
fi

guard=
[ "${GUARD:-true}" = true ] || guard=--no-guard
# shellcheck disable=SC2086 # an option or nothing
DESTDIR=/ "$release/install.sh" $guard

lines=$({
  [ "${OVERRIDE:-true}" = true ] || echo 'allow-override = no'
  printf '%s\n' "${EXCEPTIONS:-}" | tr ';' '\n' | sed 's/^[[:space:]]*//; /^$/d'
})
if [ -n "$lines" ]; then
  mkdir -p "${drop_in%/*}"
  printf '# From devcontainer.json.\n%s\n' "$lines" >"$drop_in"
else
  rm -f "$drop_in"
fi
claude-sandbox config --check || die 'the option "exceptions" has errors, listed above' 'mend it in devcontainer.json'
