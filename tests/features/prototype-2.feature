@site
Feature: Prototype 2: a new package in the tree comes by an upgrade, and goes by a rollback
  As somebody who tests the second prototype
  I follow a tree into which its makers put one package more

  Scenario Outline: The <kind>
    Given a host that was installed with the <kind> tree
    Then the program "tree" is not there
    When the build server publishes the <kind> tree with the package tree in it
    And I run "dnf -y upgrade"
    Then it ends well
    And it says "  Packages: 1 added"
    And "dnf status" says "Added       tree-"
    And the program "tree" is not there
    When the host reboots
    Then what is booted is exactly version 2 of the <kind> tree
    And "tree --version" works
    And "rpm -q tree" works
    When I run "dnf -y rollback"
    Then it says "  Removed     tree-"
    When the host reboots
    Then what is booted is exactly the <kind> tree
    And the program "tree" is not there
    And "systemctl is-system-running" says "running"

    Examples:
      | kind        |
      | workstation |
      | server      |
