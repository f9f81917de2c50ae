Feature: Deployments that are there already
  As somebody who runs an OSTree-booted host
  I choose, keep and drop deployments by dnf

  Scenario: More than two deployments are kept through staging and shutdown
    Given a freshly installed host
    And the file /etc/dnf/plugins/ostree.conf with the line "deployments=3"
    When I run "dnf -y install htop"
    And the host reboots
    And I run "dnf -y install tree"
    Then there are 3 deployments
    When the host reboots
    Then there are 3 deployments
    And "dnf status" does not say "pinned"
    When I run "dnf -y install nano"
    Then there are 4 deployments
    When the host reboots
    Then there are 3 deployments
    When I run "dnf -y rollback 2"
    Then it says "  Removed     tree-"
    And it says "boots next. Reboot to start it."
    When the host reboots
    Then "htop --version" works
    And the program "tree" is not there
    When I run "dnf -y install tree"
    And the host reboots
    Then there are 3 deployments
    And "ostree fsck" works

  Scenario: A label stays when a staged deployment is finalized, and names it
    Given a freshly installed host
    When I run "dnf -y install htop"
    And I run "dnf pin 0"
    Then it says "is staged, and cannot be pinned yet"
    When I run "dnf label 0 'with htop'"
    Then it says "is called with htop now."
    And "dnf status" says "             Label: with htop"
    When the host reboots
    And I run "dnf -y rollback"
    And the host reboots
    Then the program "htop" is not there
    When I run "dnf -y rollback 'with htop'"
    And the host reboots
    Then "htop --version" works

  Scenario: Pinned deployments and dropped ones
    Given a freshly installed host
    When I run "dnf pin"
    Then it says "is pinned: it stays until 'dnf unpin'."
    When I run "dnf -y install htop"
    And the host reboots
    And I run "dnf -y install tree"
    And I run "dnf -y cleanup pending rollback"
    Then it says "is pinned, and stays."
    And it says "Dropped 1 deployment."
    And there are 2 deployments
    When the host reboots
    Then "htop --version" works
    And the program "tree" is not there
    When I run "dnf unpin 1"
    And I run "dnf -y cleanup rollback"
    Then there are 1 deployments
    And "dnf -y install tree" works
    And "ostree fsck" works

  Scenario: What waits for the reboot stays when what is old is dropped
    Given a freshly installed host
    When I run "dnf stateroot create other"
    And I run "dnf -y install htop"
    And the host reboots
    And I run "dnf -y install tree"
    And I run "dnf -y cleanup rollback"
    Then it says "Dropped 1 deployment."
    And there are 2 deployments
    When I run "dnf -y stateroot remove other"
    And the host reboots
    Then "tree --version" works
    And there are 2 deployments

  Scenario: A tree that is no longer deployed is kept for a while
    Given a freshly installed host
    When I run "dnf -y install htop"
    And I run "dnf -y install tree"
    And I run "dnf -y install nano"
    And the host reboots
    Then there are 2 deployments
    And "ostree refs --list ostree-layer/history | xargs -n 1 ostree log" says "dnf -y install htop"
    And "ostree fsck" works

  Scenario: A second stateroot on a running host
    Given a freshly installed host
    When I run "dnf stateroot create other"
    Then it says "The stateroot other is there"
    And "dnf stateroot list" says "  other (no deployment)"
    When I run "dnf -y stateroot remove world"
    Then it says "the stateroot world is booted"
    When I run "ostree admin deploy --os=other --karg=root=LABEL=root world/12/x86_64/minimal"
    Then "dnf stateroot list" says "    0  "
    When I run "dnf -y stateroot switch world"
    Then it says "boots next. It is running now."
    When I run "dnf -y pin 1"
    When I run "dnf -y stateroot remove other"
    Then it says "The stateroot other is gone."
    And there is no new deployment
