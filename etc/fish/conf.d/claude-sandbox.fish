# claude-sandbox: in a shell `claude` is the jailed one, whatever comes first on PATH.
if test -x /usr/local/bin/claude
    contains /usr/local/bin $PATH; or set -gxp PATH /usr/local/bin
    function claude
        /usr/local/bin/claude $argv
    end
end
