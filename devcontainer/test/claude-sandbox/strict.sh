#!/bin/bash
# No way round the jail, no managed settings, and two exceptions.
set -e
# shellcheck disable=SC1091 # the Dev Container CLI brings it
source dev-container-features-test-lib

check 'a jail holds' verify-sandbox --offline
check 'the override is forbidden' bash -c 'CLAUDE_SANDBOX_EGRESS_JAIL=0 claude-sandbox run -- true; test $? = 125'
check 'the exceptions' bash -c 'claude-sandbox config | grep -q "^allow-ip = 172.23.142.119:443" && claude-sandbox config | grep -q "^allow-net = 10.20.0.0/24"'
check 'no managed settings' bash -c '! test -e /etc/claude-code/managed-settings.d/50-claude-sandbox.json'

reportResults
