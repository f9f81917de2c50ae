@shop
Feature: The version that a fault came with
  As somebody who finds a fault in the newest of many versions
  I find the version that it came with in a few reboots, and in it the package

  Scenario: Three of six versions in between are tried
    Given a host that follows the till's tree of a shop
    Then "till-check" works
    When the shop has version 12.7 of the till's tree
    And I run "dnf -y upgrade"
    And the host reboots
    And I run "till-check"
    Then it fails
    And it says "The drawer is ajar!"
    # Between 12, which is good, and 12.7, which is bad.
    When I run "dnf -y deploy 12.3"
    Then it ends well
    And "dnf tree log trees:shop/12/x86_64/till" says "(12.4, "
    When the host reboots
    Then "till-check" works
    When I run "dnf -y rebase :12.5"
    And the host reboots
    And I run "till-check"
    Then it fails
    When I run "dnf -y deploy 12.4"
    And the host reboots
    And I run "till-check"
    Then it fails
    # It came with 12.4, and the program itself was not changed there.
    When I run "dnf tree diff :12.3 :12.4"
    Then it prints just "Upgraded    drawer 1-1 -> 2-1"
    And "dnf tree diff :12.3 :12.4 --files" says "/usr/share/drawer/state"
    And "dnf tree log trees:shop/12/x86_64/till --packages drawer" does not say "(12.5, "
