#!/bin/sh
# The Dev Container Feature: runs as root while an image is built. `release` beside it has an unpacked release of
# claude-sandbox for each architecture; packaging/feature puts them there. There is no device in a build, so the proof comes
# when the container has been created.
set -eu
directory=$(CDPATH='' cd "$(dirname "$0")" && pwd)
release=$directory/release/$(uname -m)
drop_in=/etc/claude-sandbox.conf.d/50-devcontainer.conf

die() {
  printf 'claude-sandbox (Feature): %s\n  fix: %s\n' "$1" "$2" >&2
  exit 1
}

missing_packages() {
  [ -x /usr/bin/pasta ] || [ -x /usr/local/bin/pasta ] || echo passt
  command -v ssh >/dev/null || echo openssh-client
  [ "${CLAUDE:-latest}" = none ] || command -v curl >/dev/null || echo curl ca-certificates
}

[ -x "$release/install.sh" ] || die "there is no release in $release" "take the Feature from a release, or make one: packaging/release"
packages=$(missing_packages | tr '\n' ' ')
packages=${packages% }
if [ -n "$packages" ]; then
  if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    # shellcheck disable=SC2086 # a list of words
    apt-get -qq -y --no-install-recommends install $packages ||
      die "the image's distribution does not have all of these: $packages" "use Debian 12, Ubuntu 24.04 or newer"
  else
    case $packages in
      openssh-client) ;;
      *) die "these are not installed, and this image has no apt-get: $packages" "install them in the image" ;;
    esac
  fi
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
claude-sandbox config --check || die 'the option "exceptions" has errors, listed above' 'fix it in devcontainer.json'

# By its own installer, for the user of the container: in ~/.local/bin, where the jailed `claude` finds it.
if [ "${CLAUDE:-latest}" != none ]; then
  user=${_REMOTE_USER:-root}
  # shellcheck disable=SC2016 # the inner shell's
  su "$user" -c 'curl -fsSL https://claude.ai/install.sh | bash -s -- "$0"' "${CLAUDE:-latest}" ||
    die "Claude Code could not be installed for $user" 'see above; or have it in the image, and set the option "claude" to none'
fi
