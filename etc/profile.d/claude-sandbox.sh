# shellcheck shell=sh
# claude-sandbox: in a shell `claude` is the jailed one, whatever comes first on PATH.
if [ -x /usr/local/bin/claude ]; then
  case :$PATH: in
    *:/usr/local/bin:*) ;;
    *) PATH=/usr/local/bin:$PATH ;;
  esac
  claude() { /usr/local/bin/claude "$@"; }
fi
