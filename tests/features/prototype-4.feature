@site
Feature: Prototype 4: another tree, which differs in a significant component
  As somebody who tests the fourth prototype
  I go from a tree to one with another kernel, and come back

  Scenario: To a newer kernel and back
    Given a host that was installed with the server tree
    Then the kernel of what is booted is not the newer one
    When I run "dnf -y rebase trees:world/12/x86_64/next"
    Then it works
    And it says "Packages: 1 upgraded, 1 added"
    And it says "Reboot to start it, or 'dnf rollback' to drop it."
    When the host reboots
    Then what is booted is exactly the next tree
    And the kernel of what is booted is the newer one
    And "systemctl is-system-running" says "running"
    And "tree --version && bc --version" works
    When I run "dnf -y rebase trees:world/12/x86_64/server"
    Then it says "Packages: 1 downgraded, 1 removed"
    When the host reboots
    Then what is booted is exactly the server tree
    And the kernel of what is booted is not the newer one
    And the program "tree" is not there
    And "ostree fsck --quiet" works
