Feature: Plain dnf on an atomic host
  As somebody who runs an OSTree-booted host
  I type what I type on any other host
  and keep what OSTree gives me

  Scenario: Installed programs are there after the reboot, and not before
    Given a freshly installed host
    When I run "dnf -y install htop tree"
    Then it ends well
    And it says "Reboot to start it, or 'dnf rollback' to drop it."
    And there is one new deployment, staged
    And "dnf status" says "Layered packages: htop tree"
    And "dnf status" says "Added       htop-"
    And the program "htop" is not there
    When the host reboots
    Then "htop --version" works
    And "rpm -q htop tree libnl-3-200" works
    And "ostree fsck" works
    And /usr is read-only

  Scenario: Changes of one uptime add up
    Given a freshly installed host
    When I run "dnf -y install htop"
    And I run "dnf -y install tree"
    Then it says "which has not been booted yet."
    And there is one new deployment, staged
    When the host reboots
    Then "htop --version" works
    And "tree --version" works

  Scenario: Start again from what is booted
    Given a freshly installed host
    When I run "dnf -y install htop"
    And I run "dnf -y --from-booted install tree"
    And the host reboots
    Then "tree --version" works
    And the program "htop" is not there

  Scenario: A rollback takes back what waits for the reboot
    Given a freshly installed host
    When I run "dnf -y install htop"
    And I run "dnf -y rollback"
    Then it says "is dropped."
    And it says "boots next. It is running now."
    When the host reboots
    Then the program "htop" is not there

  Scenario: A rollback takes back what has been booted, history and reasons too
    Given a freshly installed host
    When I run "dnf -y install htop"
    And the host reboots
    And I run "dnf -y rollback"
    And the host reboots
    Then the program "htop" is not there
    And "dnf history list" does not say "install htop"
    And "dnf list --installed" does not say "htop"

  Scenario: A power cut before the shutdown leaves the old deployment
    Given a freshly installed host
    When I run "dnf -y install htop"
    And the power is cut
    Then the program "htop" is not there
    And "ostree fsck" works
    When I run "dnf -y install htop"
    Then it ends well

  Scenario Outline: A killed run leaves what was staged before it
    Given a freshly installed host
    When I run "dnf -y install htop"
    And I run "OSTREE_LAYER_FAILPOINT=<place>=kill dnf -y install tree"
    Then it fails
    And there is one new deployment, staged
    And "dnf status" says "Layered packages: htop"
    When the host reboots
    Then "htop --version" works
    And the program "tree" is not there
    And "ostree fsck" works
    When I run "dnf -y install tree"
    Then it ends well

    Examples:
      | place                |
      | layering::grafted    |
      | commit::referenced   |
      | deploy::cloned       |
      | deploy::before-write |

  Scenario: A run that fails just before it is published leaves what was staged before it
    Given a freshly installed host
    When I run "dnf -y install htop"
    And I run "OSTREE_LAYER_FAILPOINT=deploy::before-write=raise dnf -y install tree"
    Then it fails
    And it says "Nothing was deployed: the host is as it was."
    And there is one new deployment, staged
    And "dnf status" says "Layered packages: htop"

  Scenario: What only reads works on a read-only /usr
    Given a freshly installed host
    Then "dnf list --installed bash" works
    And "dnf info htop" works
    And "dnf search viewer" works
    And "dnf provides /usr/bin/htop" works
    And "dnf repoquery --requires htop" works
    And "dnf history list" works
    And "dnf history userinstalled" works
    And "dnf repoquery --unneeded" works
    And there is no new deployment

  Scenario: A no is a no
    Given a freshly installed host
    When I answer "n" to "dnf install htop"
    Then it fails
    And there is no new deployment
    When I answer "y" to "dnf install htop"
    Then there is one new deployment, staged

  Scenario: Without the plugin nothing happens to a read-only /usr
    Given a freshly installed host
    When I run "dnf -y --disableplugin=ostree install htop"
    Then it fails
    And there is no new deployment
