@shop
Feature: Two operating systems side by side
  As somebody with one disk and two jobs for it
  I keep two operating systems on it, each with an /etc, a /var and a history of its own
  and boot now this one, now that

  Scenario: Each is booted and upgraded by itself, and what was asked for goes along
    Given a host that follows the till's tree of a shop
    And the file /etc/till/printer with the line "of the till"
    And the file /var/lib/till/ledger with the line "of the till"
    When I run "dnf -y system-switch trees:shop/12/x86_64/kiosk --stateroot kiosk"
    Then it fails
    And it says "there is no stateroot kiosk"
    When I run "dnf stateroot create kiosk"
    And I run "dnf -y install htop"
    And the host reboots
    And I run "dnf -y system-switch trees:shop/12/x86_64/kiosk --stateroot kiosk"
    Then it ends well
    And "dnf status" says "  0 kiosk trees:shop/12/x86_64/kiosk (staged)"
    When the host reboots
    Then "cat /etc/os-release" says "Atomic Kiosk"
    And "dnf stateroot list" says "● kiosk"
    And "htop --version && rpm -q screen" works
    And /etc/till/printer reads "epson"
    And /var/lib/till/ledger reads "begun"

    When the shop has version 12.1 of the kiosk's tree
    And I run "dnf -y upgrade"
    And I add the line "of the kiosk" to /etc/till/printer
    And I add the line "of the kiosk" to /var/lib/till/ledger
    And the host reboots
    And I run "dnf -y install tree"
    And the host reboots
    Then "rpm -q till tree screen htop" says "till-3"
    And "dnf history list" says "install tree"
    And "dnf stateroot list" says "  world"

    When I run "dnf -y stateroot switch world"
    And the host reboots
    Then "cat /etc/os-release" says "Atomic World"
    And "rpm -q till" says "till-1"
    And the program "tree" is not there
    And "dnf history list" does not say "install tree"
    And /etc/till/printer reads "epson / of the till"
    And /var/lib/till/ledger reads "begun / of the till"
    When the shop has version 12.1 of the till's tree
    And I run "dnf -y upgrade"
    And the host reboots
    Then "rpm -q till htop" says "till-2"

    When I run "dnf -y stateroot switch kiosk"
    And the host reboots
    Then "tree --version && rpm -q till" says "till-3"
    And /etc/till/printer reads "epson / of the kiosk"
    And /var/lib/till/ledger reads "begun / of the kiosk"
    And "ostree fsck" works
