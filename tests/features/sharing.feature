@shop
Feature: What is the same is there once
  As somebody whose disk has an end
  I keep several deployments, and pay for what differs

  Scenario: A package more, another operating system, and a rollback
    Given a host that follows the till's tree of a shop
    When I measure the disk
    Then the disk has more than 330 MB on it
    # A deployment has directories and an /etc of its own, and rpm's database changes as a whole.
    When I run "dnf -y install htop"
    And the host reboots
    Then that has cost less than 9 MB more than the packages "htop libnl-3-200 libnl-genl-3-200" have
    When I run "dnf stateroot create kiosk"
    And I run "dnf -y rebase trees:shop/12/x86_64/kiosk --stateroot kiosk"
    Then "dnf status" says "  0 kiosk "
    And that has cost less than 9 MB
    When I run "dnf -y rollback 1"
    Then it says "boots next. It is running now."
    And that has cost less than 0.1 MB
    When I run "dnf -y rollback"
    Then it says "Reboot to start it."
    And that has cost less than 0.1 MB
