@site
Feature: Prototype 7: a package that needs something newer than the tree has
  As somebody who tests the seventh prototype
  I install a package whose dependency is older in the tree
  and find both updated in the same tree, which others can have, too

  Scenario: The dependency is updated in the same recompose, hosted, and left again
    Given a host that was installed with the server tree
    And the repository "more" of the build server
    Then "rpm -q less" does not say "less-700"
    When I run "dnf -y install pager-tools"
    Then it ends well
    And it says "Upgrading:"
    And "dnf status" says "Layered packages: pager-tools"
    And "dnf status" says "Upgraded    less 590"
    And there is one new deployment, staged
    When the host reboots
    Then "rpm -q less pager-tools" says "less-700-1"
    And "page" works
    And "dnf check" works
    # Hosted, and gone to.
    When I run "dnf -y tree host /srv/trees && dnf -y tree publish 0 /srv/trees --name our/pager"
    And I run "dnf -y tree remote add ours file:///srv/trees --no-verify && dnf -y rebase ours:our/pager"
    Then it works
    When the host reboots
    Then "dnf status" says "ours:our/pager (booted)"
    And "rpm -q less pager-tools" says "less-700-1"
    # And back.
    When I run "dnf -y rebase trees:world/12/x86_64/server"
    Then it says "Packages: 1 downgraded, 1 removed"
    When the host reboots
    Then what is booted is exactly the server tree
    And "rpm -q less" does not say "less-700"
    And the program "page" is not there
