#!/bin/sh
# Installs claude-sandbox on Debian or Ubuntu, and proves a jail. Run it again at any time: it brings everything up to
# date, and repairs what was interrupted.
#
#   ./install.sh                install; as root
#   ./install.sh --offline      the same on a machine without internet: the proof does without it
#   ./install.sh --no-guard     without anything in /etc/claude-code: the managed settings by which Claude Code refuses to start
#                               outside of a jail, and what tells it about the jail (/verify-sandbox)
#   ./install.sh --no-profile   without the lines for shells that put the jailed claude before others
#   ./install.sh --dry-run      print what would be done
#   ./install.sh --uninstall    remove what was installed; the configuration stays
#   ./install.sh --uninstall --purge    the configuration, too
#   ./install.sh --build        build the release executables, and nothing else
#
#   --binary FILE   install this executable instead of building one. SHA256SUMS beside it has to name it; an unpacked
#                   release has both, and needs no option. claude-sandbox-preview beside it is installed too, if it is named there
#   --sha256 HEX    what the executable's SHA-256 has to be, instead of what SHA256SUMS says
#
# PREFIX   where to install: /usr/local
# DESTDIR  a directory to install into instead of the system's root, as packages and images are made: files are placed,
#          nothing else; neither root nor a jail is needed then
set -eu
umask 022
start=$PWD
cd "$(dirname "$0")"

prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}
program=$prefix/bin/claude-sandbox
configuration=/etc/claude-sandbox.conf
settings=/etc/claude-code/managed-settings.d/50-claude-sandbox.json
skills=/etc/claude-code/.claude/skills
profile=/etc/apparmor.d/claude-sandbox
# The directories that this script made: what it may remove.
record=/var/lib/claude-sandbox/directories
shells='/etc/profile.d/claude-sandbox.sh /etc/fish/conf.d/claude-sandbox.fish'
built=.build/release/claude-sandbox
dry=
offline=
guard=yes
lines=yes
purge=
binary=
sum=
preview_sum=

say() { printf '%s\n' "$*"; }

# What is wrong, and how to fix it.
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

# --- What is installed: MODE SOURCE TARGET, one line each. A source without a slash is made by `generate`.

files() {
  for page in etc/man/*.[1-9]; do
    say "0644 $page $prefix/share/man/man${page##*.}/${page##*/}"
  done
  # None for `claude`: that page is Claude Code's, if there is one.
  for name in $(links | grep -vx claude); do
    say "0644 page $prefix/share/man/man1/$name.1"
  done
  say "0755 share/open-url $prefix/share/claude-sandbox/open-url"
  say "0644 bash $prefix/share/bash-completion/completions/claude-sandbox"
  say "0644 zsh $prefix/share/zsh/site-functions/_claude-sandbox"
  if [ -n "$guard" ]; then
    for skill in etc/claude-code/skills/*/SKILL.md; do
      say "0644 $skill $skills/${skill#*/*/*/}"
    done
  fi
  # fish does not look below /usr/local.
  if [ "$prefix" = /usr ]; then
    say "0644 fish /usr/share/fish/vendor_completions.d/claude-sandbox.fish"
  else
    say "0644 fish /etc/fish/completions/claude-sandbox.fish"
  fi
}

# What `preset` names in the configuration, where the executable looks for it.
presets() {
  for preset in share/presets/*.conf; do
    say "0644 $preset $prefix/share/claude-sandbox/presets/${preset##*/}"
  done
}

# The other names of the executable.
links() {
  printf '%s\n' verify-sandbox claude
  [ -z "$guard" ] || printf '%s\n' claude-sandbox-guard claude-sandbox-wrap
}

# Everything that a version of this script may have placed, but for the configuration; the settings first, because
# Claude Code refuses to start while they name a program that is gone.
installed() {
  say "$settings"
  say "$profile"
  for name in claude verify-sandbox claude-sandbox-guard claude-sandbox-wrap; do
    ! ours "$prefix/bin/$name" || say "$prefix/bin/$name"
  done
  { presets && guard=yes files; } | cut -d ' ' -f 3
  for file in $shells; do say "$file"; done
  outdated
  for file in "$program" "$program-preview"; do
    [ -L "$root$file" ] || say "$file"
  done
}

# What version 0.1.0 placed, and this one does not: a page, if it is ours, and completions where fish does not look.
outdated() {
  page=$prefix/share/man/man1/claude.1
  if say '.so man1/claude-sandbox.1' | cmp -s - "$root$page"; then say "$page"; fi
  [ "$prefix" = /usr ] || say "$prefix/share/fish/vendor_completions.d/claude-sandbox.fish"
}

# Whether the file at this name, if there is one, is ours to replace or remove.
ours() {
  if [ -L "$root$1" ]; then
    [ "$(readlink "$root$1")" = claude-sandbox ]
  else
    [ ! -e "$root$1" ]
  fi
}

# --- What has to be so before anything is changed.

check_names() {
  links | while read -r name; do
    ours "$prefix/bin/$name" || die "$root$prefix/bin/$name is not ours$(whose "$prefix/bin/$name"), and stays as it is" \
      "install beside it, and put that first on PATH: PREFIX=/opt/claude-sandbox ./install.sh"
  done
  for file in "$program" "$program-preview"; do
    if [ -L "$root$file" ] || [ -d "$root$file" ]; then
      die "$root$file is not ours" "remove it, or install beside it: PREFIX=/opt/claude-sandbox ./install.sh"
    fi
  done
}

check_package() {
  if [ -z "$root" ] && owner=$(dpkg-query -S "$program" 2>/dev/null); then
    die "$program belongs to the package ${owner%%:*}" "update or remove that package with apt-get"
  fi
}

whose() {
  case $(readlink "$root$1") in
    *node_modules*) say " but npm's" ;;
  esac
}

# Two helpers cannot both decide: the later file would win, silently.
check_settings() {
  [ -n "$guard" ] || return 0
  for file in "$root/etc/claude-code/managed-settings.json" "$root/etc/claude-code/managed-settings.d"/*.json; do
    if [ "$file" = "$root$settings" ] || [ ! -e "$file" ]; then continue; fi
    key=$(grep -oE '"(policyHelpers?|processWrapper)"' "$file" | head -n 1)
    [ -z "$key" ] || die "$file sets $key, which ours sets too" "remove it there, or install without ours: ./install.sh --no-guard"
  done
}

# check_sum FILE SUM: whether it is what was promised.
check_sum() {
  [ -f "$1" ] || die "$1 is not a file" "name the executable: --binary FILE"
  found=$(sha256sum <"$1")
  found=${found%% *}
  [ "$found" = "$2" ] ||
    die "$1 does not match its checksum: SHA-256 is $found, not $2" "get it again, from a source that you trust"
}

promised_sum() {
  if [ -n "$sum" ]; then
    say "$sum" | tr 'A-F' 'a-f'
  else
    listed_sum "$(basename "$binary")"
  fi
}

# listed_sum NAME
listed_sum() {
  sed -n "s/^\([0-9a-f]\{64\}\) [ *]$1\$/\1/p" "$(dirname "$binary")/SHA256SUMS"
}

check_binary() {
  if [ -z "$sum" ] && [ -z "$(promised_sum 2>/dev/null)" ]; then
    die "$binary has no checksum" "put SHA256SUMS beside it, or give --sha256 HEX"
  fi
  check_sum "$binary" "$(promised_sum)"
  # The second executable, where there is one.
  [ -n "$sum" ] || preview_sum=$(listed_sum claude-sandbox-preview)
  [ -z "$preview_sum" ] || check_sum "$(dirname "$binary")/claude-sandbox-preview" "$preview_sum"
}

need_swift() {
  command -v swift >/dev/null || die "Swift is not installed, or not on this PATH" \
    "use a release, which needs no Swift, or install Swift 6.3 (https://www.swift.org/install/linux); with sudo pass your PATH on: sudo env \"PATH=\$PATH\" ./install.sh"
}

# --- Packages and the executable.

# Packages that are not there yet, by the name that Debian and Ubuntu know them by.
missing_packages() {
  [ -x /usr/bin/pasta ] || [ -x /usr/local/bin/pasta ] || say passt
  [ -z "$binary" ] || return 0
  command -v strip >/dev/null || say binutils
  command -v git >/dev/null || say git
  command -v pkg-config >/dev/null || say pkg-config
  pkg-config --exists libcap 2>/dev/null || say libcap-dev
}

install_packages() {
  packages=$(missing_packages | tr '\n' ' ')
  packages=${packages% }
  [ -n "$packages" ] || return 0
  command -v apt-get >/dev/null || die "not installed: $packages" "install your distribution's packages for these"
  # shellcheck disable=SC2086 # a list of words
  act "apt-get install $packages" apt_get $packages
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  # The first does nothing but where an earlier installation was interrupted.
  { dpkg --configure -a && apt-get -qq update && apt-get -qq -y --no-install-recommends install "$@"; } >/dev/null ||
    die "apt-get could not install $*" "see its messages above"
}

# The one place that knows how to build the release: static executables. lld, because it is part of every Swift
# toolchain, and because it does not warn of name-service functions that the static C library has but that this program
# never calls.
build() {
  need_swift
  # Both executables at once: they wait for one another's modules less than one after the other.
  swift build -c release -Xswiftc -static-executable -Xswiftc -use-ld=lld
  # Root's build in somebody's clone stays theirs.
  [ "$(id -u)" != 0 ] || chown -R --reference=Package.swift .build Package.resolved
}

# --- Placing and removing. At no time is there half a file, also when the old one is being executed.

# make_directory DIRECTORY: and those above it. First noted, then made: this may end in between.
make_directory() {
  [ ! -d "$root$1" ] || return 0
  [ "$1" = / ] || make_directory "$(dirname "$1")"
  mkdir -p "$root$(dirname "$record")"
  grep -qsxF "$1" "$root$record" || say "$1" >>"$root$record"
  mkdir -p "$root$1"
}

# place MODE FILE TARGET
place() {
  make_directory "$(dirname "$3")"
  install -m "$1" "$2" "$root$3.part"
  mv -fT "$root$3.part" "$root$3"
}

place_program() {
  make_directory "$(dirname "$program")"
  if [ -n "$binary" ]; then
    install -m 0755 "$binary" "$root$program.part"
    check_sum "$root$program.part" "$(promised_sum)"
  else
    strip_into "$root$program.part" "$built"
  fi
  "$root$program.part" version >/dev/null ||
    die "the executable does not run on this machine ($(uname -m))" "build it here, or take the release for this machine"
  mv -fT "$root$program.part" "$root$program"
}

# strip_into TARGET EXECUTABLE: these sections differ between two builds of the same sources.
strip_into() {
  strip -R .swift_modhash -R .note.gnu.build-id -o "$1" "$2"
  chmod 0755 "$1"
}

place_preview() {
  if [ -n "$binary" ]; then
    install -m 0755 "$(dirname "$binary")/claude-sandbox-preview" "$root$program-preview.part"
    check_sum "$root$program-preview.part" "$preview_sum"
  else
    strip_into "$root$program-preview.part" "$built-preview"
  fi
  mv -fT "$root$program-preview.part" "$root$program-preview"
}

# The lines of `files`.
place_files() {
  while read -r mode file target; do
    case $file in
      */*) act "install $root$target" place "$mode" "$file" "$target" ;;
      *) act "install $root$target" generate "$file" "$target" ;;
    esac
  done
}

place_link() {
  ln -sfn claude-sandbox "$root$prefix/bin/$1.part"
  mv -fT "$root$prefix/bin/$1.part" "$root$prefix/bin/$1"
}

# generate WHAT TARGET: a shell's completions, which are the argument parser's own but for the command behind `run`; or a
# page that is another's.
generate() {
  make_directory "$(dirname "$2")"
  case $1 in
    page) say '.so man1/claude-sandbox.1' ;;
    bash) completions bash && cat etc/completions/run.bash ;;
    # `--network=none` is as good as `--network none`.
    zsh)
      completions zsh | sed -e '1r etc/completions/run.zsh' -e "s/'\*:command:'/'(-)*::command:_claude-sandbox_command'/" \
        -e "s/^\( *'--[a-z-]*\)\(\[[^]]*\]:\)/\1=\2/"
      ;;
    fish)
      # Options that begin in the command's words are the command's.
      completions fish | sed "s/ -n '\([^' ]* \"claude-sandbox \(run\|learn\)\"\)/ -n 'not __claude_sandbox_command >\/dev\/null; and \1/"
      cat etc/completions/run.fish
      ;;
  esac >"$root$2.part"
  mv -fT "$root$2.part" "$root$2"
}

completions() { "$root$program" --generate-completion-script "$1"; }

# at_prefix FILE TARGET: the file, with the names of our programs as they are installed.
at_prefix() {
  make_directory "$(dirname "$2")"
  sed "s|/usr/local/bin\>|$prefix/bin|g" "$1" >"$root$2.part"
  mv -fT "$root$2.part" "$root$2"
}

# First what the proof needs; `claude` and the settings only after it.
install_program() {
  [ ! -e "$root$program" ] || act "keep $root$program until the new one is proven" ln -f "$root$program" "$root$program.old"
  act "install $root$program" place_program
  presets | place_files
  install_profile
}

install_files() {
  if [ -n "$preview_sum" ] || [ -z "$binary" ]; then act "install $root$program-preview" place_preview; fi
  links | while read -r name; do
    act "link $root$prefix/bin/$name" place_link "$name"
  done
  files | place_files
  outdated | remove
  install_configuration
  install_shells
  install_settings
  [ ! -e "$root$program.old" ] || act "remove $root$program.old" rm -f "$root$program.old"
}

# After a failed proof everything is as it was.
undo() {
  if [ -e "$program.old" ]; then
    mv -fT "$program.old" "$program"
  else
    rm -f "$program"
    if [ -e "$profile" ]; then
      apparmor_parser --remove "$profile" || true
      rm -f "$profile"
    fi
    remove_empty "$program"
    presets | cut -d ' ' -f 3 | remove >/dev/null
    forget
  fi
}

install_configuration() {
  if [ ! -e "$root$configuration" ]; then
    act "install $root$configuration" place 0644 etc/claude-sandbox.conf "$configuration"
  elif cmp -s etc/claude-sandbox.conf "$root$configuration"; then
    say "  keep $root$configuration"
    [ ! -e "$root$configuration.new" ] || act "remove $root$configuration.new" rm -f "$root$configuration.new"
  else
    act "keep $root$configuration, which was changed; the new default is $root$configuration.new" \
      place 0644 etc/claude-sandbox.conf "$configuration.new"
  fi
}

# Where AppArmor restricts user namespaces (Ubuntu 24.04) it has to know this program. Elsewhere it may not know the rule.
install_profile() {
  if [ -n "$root" ] || ! grep -qsx 1 /proc/sys/kernel/apparmor_restrict_unprivileged_userns; then return 0; fi
  # In a container it is the host that has to know it; the proof tells.
  command -v apparmor_parser >/dev/null || return 0
  act "install $profile" at_prefix etc/apparmor.d/claude-sandbox "$profile"
  act 'load it into the kernel' apparmor_parser --replace "$profile"
}

install_shells() {
  for file in $shells; do
    if [ -n "$lines" ]; then
      act "install $root$file" at_prefix "${file#/}" "$file"
    elif [ -e "$root$file" ]; then
      act "remove $root$file" rm -f "$root$file"
      remove_empty "$file"
    fi
  done
}

# Last: they name programs that have to be there.
install_settings() {
  if [ -n "$guard" ]; then
    act "install $root$settings" at_prefix etc/managed-settings.json "$settings"
  else
    { say "$settings" && guard=yes files | cut -d ' ' -f 3 | grep "^$skills/"; } | remove
  fi
}

uninstall() {
  if [ -z "$root" ] && [ -e "$profile" ] && command -v apparmor_parser >/dev/null; then
    act "unload $profile from the kernel" apparmor_parser --remove "$profile"
  fi
  installed | remove
  if [ -n "$purge" ]; then
    { say "$configuration.new" && say "$configuration" && drop_ins; } | remove
  else
    for file in "$configuration" "$configuration.new"; do
      [ ! -e "$root$file" ] || say "  keep $root$file"
    done
  fi
  [ -n "$dry" ] || forget
  [ -n "$root" ] || ! command -v pasta >/dev/null || say '  keep the package passt'
}

# Last, when nothing is there that it is needed for.
forget() {
  rm -f "$root$record"
  rmdir "$root$(dirname "$record")" 2>/dev/null || true
}

drop_ins() {
  for file in "$root$configuration.d"/*; do say "${file#"$root"}"; done
}

# Files, their unfinished successors, and the directories that are empty then.
remove() {
  while read -r target; do
    for file in "$target" "$target.part" "$target.old"; do
      if [ -e "$root$file" ] || [ -L "$root$file" ]; then
        act "remove $root$file" rm -f "$root$file"
      fi
    done
    [ -n "$dry" ] || remove_empty "$target"
  done
}

# Another's directory stays, empty or not.
remove_empty() {
  directory=$(dirname "$1")
  [ "$directory" = "$configuration.d" ] || grep -qsxF "$directory" "$root$record" || return 0
  rmdir "$root$directory" 2>/dev/null || [ ! -e "$root$directory" ] || return 0
  remove_empty "$directory"
}

# --- The proof, and advice.

# The jail is shown to whoever will use it.
as_caller() {
  if [ -n "${SUDO_USER:-}" ]; then runuser -u "$SUDO_USER" -- "$@"; else "$@"; fi
}

# Nothing is installed for use until this passes.
prove() {
  say 'This machine:'
  as_caller "$program" doctor || refuse 'a jail cannot be built here' 'fix what is listed above, and run ./install.sh again'
  say ''
  say 'A jail, attacked from inside:'
  # shellcheck disable=SC2086 # an option or nothing
  as_caller env CLAUDE_SANDBOX_EGRESS_JAIL=1 "$program" verify $offline || case $? in
    2) refuse 'the internet cannot be reached from the jail' 'see the lines above; on a machine without internet: ./install.sh --offline' ;;
    *) refuse 'the jail does not hold, or the guard that is installed does not' 'see the lines above' ;;
  esac
}

refuse() {
  before='Nothing is installed.'
  [ ! -e "$program.old" ] || before='The previous version is back.'
  undo
  die "$1. $before" "$2"
}

# What `claude` is to whoever will use it: asked of their own shell, as after a login.
look_at_shell() {
  user=${SUDO_USER:-$(id -un)}
  timeout 30 runuser -l "$user" -c "'$program' doctor --shell" </dev/null 2>/dev/null | grep . || true
}

advise() {
  say ''
  say 'Try it: claude-sandbox shell'
  shell=$(look_at_shell)
  case $shell in
    *'  fix: '*)
      say "Note: what ${SUDO_USER:-$(id -un)} starts as claude is not jailed: $shell"
      ;;
  esac
}

action=install
while [ $# -gt 0 ]; do
  case $1 in
    --build | --uninstall) action=${1#--} ;;
    --dry-run) dry=yes ;;
    --offline) offline=--offline ;;
    --no-guard) guard= ;;
    --no-profile) lines= ;;
    --purge) purge=yes ;;
    --binary=* | --sha256=*)
      case $1 in --binary=*) binary=${1#*=} ;; *) sum=${1#*=} ;; esac
      ;;
    --binary | --sha256)
      [ $# -gt 1 ] || { usage >&2; exit 64; }
      case $1 in --binary) binary=$2 ;; *) sum=$2 ;; esac
      shift
      ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
  esac
  shift
done
if [ -n "$purge" ] && [ "$action" != uninstall ]; then
  usage >&2
  exit 64
fi
case $binary in '' | /*) ;; *) binary=$start/$binary ;; esac
case $prefix in /*) ;; *) die "PREFIX=$prefix is not an absolute path" "begin it with /" ;; esac

if [ "$action" = build ]; then
  [ -n "$dry" ] || build
  exit 0
fi
if [ -z "$root$dry" ] && [ "$(id -u)" != 0 ]; then
  die "only root can write below $prefix and /etc" "sudo ./install.sh, or give PREFIX and DESTDIR"
fi

if [ "$action" = uninstall ]; then
  check_package
  say "claude-sandbox: $action"
  uninstall
  exit 0
fi
# An unpacked release has the executable and no sources.
if [ -z "$binary" ] && [ -f claude-sandbox ] && [ ! -e Package.swift ]; then binary=claude-sandbox; fi
if [ -n "$binary" ]; then check_binary; else need_swift; fi
check_package
check_names
check_settings
say "claude-sandbox: $action"
[ -n "$root" ] || install_packages
if [ -n "$binary" ]; then
  say "  use $binary: its checksum matches"
else
  act 'build (minutes, the first time)' build
fi
install_program
[ -n "$root$dry" ] || prove
install_files
[ -z "$root$dry" ] || exit 0
advise
