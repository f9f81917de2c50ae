Feature: What was tried out by hand becomes a deployment
  As somebody who has repaired a running host
  I keep what I did
  and know what of it no package owns

  Scenario: A repair is tried out, kept, and left behind by the next tree
    Given a freshly installed host
    When I run "ostree admin unlock"
    And I add the line "the printers work again" to /usr/bin/repaired
    And I add the line "# repaired" to /usr/bin/ldd
    And I run "rm /usr/bin/clear"
    And I answer "n" to "dnf system-commit"
    Then it ends with status 1
    And before it asks it says "Files that no package owns: 1"
    And before it asks it says "/usr/bin/ldd (libc-bin)"
    And before it asks it says "/usr/bin/clear (ncurses-bin)"
    And there is no new deployment
    When I run "dnf -y system-commit -m printers --reboot" and the host comes back
    Then it says "Rebooting into it."
    And /usr/bin/repaired reads "the printers work again"
    And "tail -n1 /usr/bin/ldd" says "# repaired"
    And the program "clear" is not there
    And "dnf status" says "By hand: 3 files"
    And /usr is read-only

    # It stays where a transaction adds to the tree, and an upgrade to another base says what it drops.
    When I run "dnf -y install tree"
    Then "dnf status" says "By hand: 3 files"
    When I run "dnf -y recompose"
    Then it says "By hand, and not taken along: 3 files"
    When the host reboots
    Then /usr/bin/repaired is not there
    And "clear -V && tree --version" works
