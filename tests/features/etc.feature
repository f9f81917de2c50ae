@shop
Feature: The configuration is merged
  As somebody who has edited files in /etc
  I get the new defaults of each new tree
  and never lose what is mine

  Scenario: Each file through an upgrade, a rebase and a rollback
    Given a host that follows the till's tree of a shop
    And the file /etc/till/currency with the line "mine"
    And the file /etc/till/printer with the line "mine"
    When I run "rm /etc/till/greeting"
    And I run "chown mail:adm /etc/till/key && chmod 640 /etc/till/key"
    And the shop has version 12.1 of the till's tree
    And I run "dnf -y upgrade"
    Then it ends well
    And it says "2 files of /etc are changed both here and in the tree: yours are kept, 'dnf status' tells which."
    And "dnf status" says " Conflicts in /etc: /etc/till/currency: changed here and in the tree; yours is kept"
    And "dnf status" says "/etc/till/greeting: removed here, changed in the tree; it stays removed"
    When I add the line "later" to /etc/till/printer
    And the host reboots
    # Changed in the tree; here; here and there; removed here; new in the tree; another owner and mode here.
    Then /etc/till/prices reads "of 2"
    And /etc/till/printer reads "epson / mine / later"
    And /etc/till/currency reads "of 1 / mine"
    And /usr/etc/till/currency reads "of 2"
    And /etc/till/greeting is not there
    And /etc/till/discounts reads "none"
    And "stat --format='%U:%G %a' /etc/till/key" says "mail:adm 640"

    When the shop has version 12.1 of the kiosk's tree
    And I run "dnf -y rebase trees:shop/12/x86_64/kiosk"
    And I add the line "for the kiosk" to /etc/till/printer
    And the host reboots
    Then "cat /etc/os-release" says "Atomic Kiosk"
    And /etc/till/prices reads "of 3"
    And /etc/till/printer reads "epson / mine / later / for the kiosk"
    And /etc/till/currency reads "of 1 / mine"
    And /etc/till/greeting is not there
    And "stat --format='%U:%G %a' /etc/till/key" says "mail:adm 640"

    # Each deployment has an /etc of its own, and a rollback goes back to that.
    When I add the line "on the kiosk" to /etc/till/printer
    And I run "dnf -y rollback"
    And the host reboots
    Then "cat /etc/os-release" says "Atomic World"
    And /etc/till/prices reads "of 2"
    And /etc/till/printer reads "epson / mine / later / for the kiosk"
    And /etc/till/currency reads "of 1 / mine"
    And /etc/till/greeting is not there
    And "stat --format='%U:%G %a' /etc/till/key" says "mail:adm 640"

  Scenario: What a package brings is not overlooked where it is here already
    Given a freshly installed host
    And the file /etc/motd with the line "mine"
    And the file /etc/nanorc with the line "mine"
    When I run "dnf -y install nano"
    Then it says "1 file of /etc is changed both here and in the tree: yours is kept, 'dnf status' tells how to compare."
    And "dnf status" says " Conflicts in /etc: /etc/nanorc: added here and in the tree; yours is kept"
    And "dnf status" says "        Compare by: diff /etc/nanorc /sysroot/ostree/deploy/"
    And "dnf status" says "Local in /etc: "
    And "dnf status" says "    /etc/motd"
    When I run "mv /etc/security /etc/security.d && touch /etc/security"
    Then "dnf status" says "   Stopped by /etc: /etc/security is a file here and a directory in the tree"
    When I run "rm /etc/security && mv /etc/security.d /etc/security"
    And I add the line "later" to /etc/motd
    And the host reboots
    Then /etc/motd reads "mine / later"
    And /etc/nanorc reads "mine"
    And "grep --count set /usr/etc/nanorc" works
