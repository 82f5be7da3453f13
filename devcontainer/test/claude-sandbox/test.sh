#!/bin/bash
# The Feature with its defaults. For `devcontainer features test`, and Tests/containers/run.
set -e
# shellcheck disable=SC1091 # the Dev Container CLI brings it
source dev-container-features-test-lib

check 'a jail holds' verify-sandbox --offline
check 'the internet is open, the override is allowed' bash -c 'claude-sandbox config | grep -q "^allow-override = yes"'
check 'no drop-in' bash -c '! test -e /etc/claude-sandbox.conf.d/50-devcontainer.conf'

reportResults
