# Behind `run` and its options stands another command, whose line is completed as its own. install.sh puts this into the
# argument parser's completions.
_claude-sandbox_command() {
    if [[ "${words[1]}" = -- && "${CURRENT}" -gt 1 ]]; then
        shift words
        ((CURRENT--))
    fi
    _normal
}
