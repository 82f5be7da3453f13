# Behind `run` and `learn` and their options stands another command, whose line is completed as its own. install.sh appends this to the
# argument parser's completions.

# Prints the words of that command before the cursor's, one a line; fails where the cursor is not in it.
function __claude_sandbox_command
    set -l words (commandline -opc)
    contains -- "$words[2]" run learn; or return 1
    set -e words[1 2]
    while set -q words[1]
        switch $words[1]
            case --
                set -e words[1]
                printf '%s\n' $words
                return 0
            case --network --publish
                set -e words[1]
                set -q words[1]; or return 1
                set -e words[1]
            case '-*'
                set -e words[1]
            case '*'
                printf '%s\n' $words
                return 0
        end
    end
    not string match -q -- '-*' (commandline -ct)
end

function __claude_sandbox_complete_command
    set -l words (__claude_sandbox_command)
    set -l token (commandline -ct)
    complete -C (string join ' ' -- (string escape -- $words) "$token")
end

complete -c claude-sandbox -n __claude_sandbox_command -fa '(__claude_sandbox_complete_command)'
