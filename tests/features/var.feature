@shop
Feature: The data stays
  As somebody whose programs keep their data in /var
  I have the same data whichever tree is booted
  and never one that went back in time

  Scenario: Through an upgrade, a switch and a rollback
    Given a host that follows the till's tree of a shop
    Then /var/lib/till/ledger reads "begun"
    When I add the line "monday" to /var/lib/till/ledger
    And the shop has version 12.1 of the till's tree
    And I run "dnf -y upgrade"
    And I add the line "tuesday" to /var/lib/till/ledger
    And the host reboots
    Then "rpm -q till" says "till-2"
    And /var/lib/till/ledger reads "begun / monday / tuesday"
    When I run "dnf -y system-switch trees:shop/12/x86_64/kiosk"
    And the host reboots
    And I add the line "wednesday" to /var/lib/till/ledger
    And I add the line "somebody" to /var/lib/screen/guests
    And I run "dnf -y rollback"
    Then it says "Warning: /var stays as it is. The data of these packages is not rolled back:"
    And it says "  screen (1-1 -> none): /var/lib/screen"
    When the host reboots
    Then "rpm -q till; ! rpm -q screen" says "till-2"
    And /var/lib/till/ledger reads "begun / monday / tuesday / wednesday"
    And /var/lib/screen/guests reads "none yet / somebody"

  Scenario: What an installed package has in /var appears with the reboot, and outlives the package
    Given a freshly installed host
    When I run "dnf -y install cron"
    Then /var/spool/cron/crontabs is not there
    When the host reboots
    Then "stat --format='%U:%G %a' /var/spool/cron/crontabs" says "root:crontab 1730"
    When I run "echo '@daily true' > /var/spool/cron/crontabs/root"
    And I run "dnf -y rollback"
    And the host reboots
    Then the program "crontab" is not there
    And /var/spool/cron/crontabs/root reads "@daily true"
