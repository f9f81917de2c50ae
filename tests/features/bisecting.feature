@shop
Feature: The version that a fault came with
  As somebody who finds a fault in the newest of many versions
  I find the version that it came with, and in it the package: without a reboot where a command can tell, or in a few

  Scenario: Three of six versions in between are tried, first beside the host and then by reboots
    Given a host that follows the till's tree of a shop
    Then "till-check" works
    When the shop has version 12.7 of the till's tree
    And I run "dnf -y upgrade"
    And the host reboots
    And I run "till-check"
    Then it fails
    And it says "The drawer is ajar!"
    # Between 12, which is good, and 12.7, which is bad: each is booted in namespaces of its own.
    When I run "dnf bisect run :12 0 -- sh -c 'systemctl is-system-running && till-check'"
    Then it ends with status 0
    And it says "(12.3): 6 commits remain, about 3 steps."
    And it says "(12.3) is good."
    And it says "(12.5) is bad."
    And it says "(12.4) is bad."
    And it says "What changed since"
    And it says "The culprit is drawer 1-1 -> 2-1."
    And there is no mount, process or folder left of it
    # Where nobody can tell but who sits before it.
    When I run "dnf -y bisect start :12 0"
    Then it ends well
    And it says "(12.3) is to be tried: 6 commits remain, about 3 steps."
    When I run "dnf -y bisect good"
    Then it ends with status 1
    And it says "the booted deployment is of commit"
    When the host reboots
    Then "till-check" works
    And "dnf status" says "Bisection: commit"
    When I run "dnf -y bisect good"
    Then it ends well
    And it says "(12.5) is to be tried: 3 commits remain, about 2 steps."
    When the host reboots
    And I run "till-check"
    Then it fails
    When I run "dnf -y bisect bad"
    And the host reboots
    And I run "till-check"
    Then it fails
    # It came with 12.4, and the program itself was not changed there.
    When I run "dnf -y bisect bad"
    Then it ends with status 0
    And it says "(12.4, "
    And it says "  Upgraded    drawer 1-1 -> 2-1"
    When I run "dnf -y bisect reset"
    Then it ends with status 0
    And it says "(12.7) boots next. Reboot to start it."
    And "dnf status" does not say "Bisection"
    And "dnf status" does not say "pinned"
