#!/bin/sh
# Builds claude-sandbox, installs it, and proves a jail. Run it again at any time: it brings everything up to date.
#
#   ./install.sh              install; as root
#   ./install.sh --build      build the release executable, and nothing else
#   ./install.sh --offline    install on a machine without internet: the proof does without it
#   ./install.sh --dry-run    print what would be done
#   ./install.sh --uninstall  remove what was installed; the configuration stays
#
# PREFIX   where to install: /usr/local
# DESTDIR  a directory to install into instead of the system's root, as packages are made: neither root nor a jail is needed then
set -eu
cd "$(dirname "$0")"

prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}
program=$prefix/bin/claude-sandbox
configuration=/etc/claude-sandbox.conf
built=.build/release/claude-sandbox
dry=
offline=

say() { printf '%s\n' "$*"; }

# What is wrong, and how to mend it.
die() {
  printf 'install.sh: %s\n  fix: %s\n' "$1" "$2" >&2
  exit 1
}

# Says what is done, and does it.
act() {
  say "  $1"
  shift
  [ -n "$dry" ] || "$@"
}

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' install.sh; }

# Packages that are not there yet, by the name that Debian and Ubuntu know them by.
missing_packages() {
  [ -x /usr/bin/pasta ] || [ -x /usr/local/bin/pasta ] || say passt
  command -v strip >/dev/null || say binutils
  command -v git >/dev/null || say git
  command -v pkg-config >/dev/null || say pkg-config
  pkg-config --exists libcap 2>/dev/null || say libcap-dev
  pkg-config --exists libseccomp 2>/dev/null || say libseccomp-dev
}

install_packages() {
  packages=$(missing_packages | tr '\n' ' ')
  packages=${packages% }
  [ -n "$packages" ] || return 0
  command -v apt-get >/dev/null || die "not installed: $packages" "install what your distribution calls these packages"
  # shellcheck disable=SC2086 # a list of words
  act "apt-get install $packages" apt_get $packages
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  { apt-get -qq update && apt-get -qq -y --no-install-recommends install "$@"; } >/dev/null ||
    die "apt-get could not install $*" "see its messages above"
}

need_swift() {
  command -v swift >/dev/null || die "Swift is not installed, or not on this PATH" \
    "install Swift 6.3 (https://www.swift.org/install/linux), or pass your own PATH on: sudo env \"PATH=\$PATH\" ./install.sh"
}

# The one place that knows how to build the release: a single static executable. lld, because it is part of every Swift toolchain, and because
# it does not warn of name-service functions that the static C library has but that this program never calls.
build() {
  need_swift
  swift build -c release --product claude-sandbox -Xswiftc -static-executable -Xswiftc -use-ld=lld
  # Root's build in somebody's clone stays theirs.
  [ "$(id -u)" != 0 ] || chown -R --reference=Package.swift .build Package.resolved
}

# place MODE FILE TARGET: at no time is there half a file, also when the old one is being executed.
place() {
  mkdir -p "$(dirname "$root$3")"
  install -m "$1" "$2" "$root$3.new"
  mv -f "$root$3.new" "$root$3"
}

place_program() {
  stripped=$(mktemp)
  strip -o "$stripped" "$built"
  place 0755 "$stripped" "$program"
  rm -f "$stripped"
}

# Every manual page: its source, and where it goes.
man_pages() {
  for page in etc/man/*.[1-9]; do
    [ ! -e "$page" ] || say "$page $prefix/share/man/man${page##*.}/${page##*/}"
  done
}

# A package manager's claude in our place would be lost, and would come back at its next update, without a jail.
refuse_other_claude() {
  shim=$root$prefix/bin/claude
  { [ -e "$shim" ] || [ -L "$shim" ]; } && [ "$(readlink "$shim")" != claude-sandbox ] || return 0
  die "$shim is there already, and is not ours" \
    "install Claude Code for each user (npm config set prefix ~/.npm-global), or give another place: PREFIX=/opt/claude-sandbox ./install.sh"
}

install_files() {
  act "install $root$program" place_program
  for name in verify-sandbox claude; do
    act "link $root$prefix/bin/$name" ln -sfn claude-sandbox "$root$prefix/bin/$name"
  done
  man_pages | while read -r page target; do
    act "install $root$target" place 0644 "$page" "$target"
  done
  if [ -e "$root$configuration" ]; then
    say "  keep $root$configuration"
  else
    act "install $root$configuration" place 0644 etc/claude-sandbox.conf "$configuration"
  fi
}

uninstall() {
  # Another claude is not ours to remove.
  shim=$prefix/bin/claude
  [ "$(readlink "$root$shim")" = claude-sandbox ] || shim=
  for target in "$program" "$prefix/bin/verify-sandbox" $shim $(man_pages | cut -d ' ' -f 2); do
    if [ -e "$root$target" ] || [ -L "$root$target" ]; then
      act "remove $root$target" rm -f "$root$target" "$root$target.new"
    fi
  done
  [ ! -e "$root$configuration" ] || say "  keep $root$configuration"
}

# The jail is shown to whoever will use it.
as_caller() {
  if [ -n "${SUDO_USER:-}" ]; then runuser -u "$SUDO_USER" -- "$@"; else "$@"; fi
}

# The proof: without it nothing has been installed that anybody should rely on.
demonstrate() {
  say 'This machine:'
  as_caller "$program" doctor || die 'a jail cannot be built here' 'mend what is listed above, and run ./install.sh again'
  say ''
  say 'A jail, attacked from inside:'
  # shellcheck disable=SC2086 # an option or nothing
  as_caller env CLAUDE_SANDBOX_EGRESS_JAIL=1 "$prefix/bin/verify-sandbox" $offline ||
    die 'the jail does not hold, or the internet cannot be reached from it' \
      'see the lines above (without internet: ./install.sh --offline); until then do not use this installation: ./install.sh --uninstall'
  say ''
  say 'Try it: claude-sandbox shell'
}

action=install
for argument in "$@"; do
  case $argument in
    --build | --uninstall) action=${argument#--} ;;
    --dry-run) dry=yes ;;
    --offline) offline=--offline ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
  esac
done

if [ "$action" = build ]; then
  [ -n "$dry" ] || build
  exit 0
fi
if [ -z "$root$dry" ] && [ "$(id -u)" != 0 ]; then
  die "only root can write below $prefix and /etc" "sudo ./install.sh, or give PREFIX and DESTDIR"
fi

[ "$action" != install ] || refuse_other_claude
say "claude-sandbox: $action"
if [ "$action" = uninstall ]; then
  uninstall
  exit 0
fi
need_swift
[ -n "$root" ] || install_packages
act 'build (minutes, the first time)' build
install_files
[ -n "$root$dry" ] || demonstrate
