# shellcheck shell=bash
# Behind `run` and `learn` and their options stands another command, whose line is completed as its own. install.sh appends this to the
# argument parser's completions.

# Where that command stands in COMP_WORDS; 0 where it does not begin before the cursor's word.
_claude-sandbox_command_index() {
    local -i index=2
    [[ "${COMP_WORDS[1]}" = run || "${COMP_WORDS[1]}" = learn ]] || { echo 0; return; }
    while ((index < COMP_CWORD)); do
        case "${COMP_WORDS[index]}" in
            --) echo $((index + 1)); return ;;
            # `--network=none` is three words to readline.
            --network | --publish)
                [[ "${COMP_WORDS[index + 1]}" = '=' ]] && index+=3 || index+=2
                # And `8080:5173` is, too.
                while [[ "${COMP_WORDS[index]}" = :* ]]; do index+=2; done ;;
            -*) index+=1 ;;
            *) echo "${index}"; return ;;
        esac
    done
    if ((index == COMP_CWORD)) && [[ "${COMP_WORDS[index]}" != -* ]]; then echo "${index}"; else echo 0; fi
}

_claude-sandbox_line() {
    local -i index
    index=$(_claude-sandbox_command_index)
    if ((index == 0)); then
        # To the argument parser `--network=` is `--network` and a value.
        if [[ "${COMP_WORDS[COMP_CWORD]}" = '=' ]]; then
            COMP_WORDS[COMP_CWORD]=''
            set -- "$1" '' "${COMP_WORDS[COMP_CWORD - 1]}"
        elif [[ "$3" = '=' ]]; then
            COMP_WORDS=("${COMP_WORDS[@]:0:COMP_CWORD - 1}" "$2")
            COMP_CWORD+=-1
            set -- "$1" "$2" "${COMP_WORDS[COMP_CWORD - 1]}"
        fi
        _claude-sandbox "$@"
    elif declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "${index}"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "${index}"
    elif ((index == COMP_CWORD)); then
        mapfile -t COMPREPLY < <(compgen -c -d -- "$2")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
    fi
}

complete -o filenames -F _claude-sandbox_line claude-sandbox
