@server
Feature: Other trees
  As somebody who runs an OSTree-booted host
  I follow a tree, go to another one, and come back
  and what I asked for and wrote goes with me

  Scenario: To another tree and back, which downloads nothing
    Given a host that follows the minimal tree of a server
    When I run "dnf -y rebase trees:world/12/x86_64/server"
    Then it says "  Packages: 5 added"
    And it says "Reboot to start it, or 'dnf rollback' to drop it."
    And "dnf status" says "  0 world trees:world/12/x86_64/server (staged)"
    And "dnf status" says "● 1 world trees:world/12/x86_64/minimal (booted)"
    When the host reboots
    Then the server's server tree is booted, exactly
    And "rpm -q bc file" works
    When the server loses what its trees are made of
    And I run "dnf -y rebase world/12/x86_64/minimal"
    Then it says "  Packages: 5 removed"
    When the host reboots
    Then the server's minimal tree is booted, exactly
    And the program "bc" is not there
    And "ostree fsck" works
    When I run "dnf rebase trees:world/12/x86_64/minimal --unchanged-exit-77"
    Then it ends with status 77
    And it says "Nothing to do: that is the tree that there is."

  Scenario: What was asked for goes along, and a rollback goes back
    Given a host that follows the minimal tree of a server
    And the file /etc/motd with the line "mine"
    And the file /var/lib/data with the line "kept"
    When I run "dnf -y install htop nano tree"
    And the host reboots
    And I run "dnf -y system-switch trees:world/12/x86_64/server"
    Then it ends well
    And it says "  trees:world/12/x86_64/server  12  commit "
    And it says "Reboot to start it, or 'dnf rollback' to drop it."
    When I add the line "later" to /etc/motd
    And the host reboots
    Then the server's server tree is the base of what is booted
    And the requests are "htop nano tree"
    And "htop --version && nano --version && tree --version && bc --version" works
    And "cat /etc/motd" says "later"
    And "cat /var/lib/data" says "kept"
    And "dnf history list" says "-y system-switch trees:w"
    And "dnf history list | grep $(ostree admin status | awk '/^\*/ {print substr($3, 1, 12)}')" says "system-switch"
    And "ostree fsck" works
    When I run "dnf -y rollback"
    Then it says "  Removed     bc-"
    When the host reboots
    Then the server's minimal tree is the base of what is booted
    And "htop --version && nano --version && tree --version" works
    And the program "bc" is not there
    And "cat /etc/motd" says "mine"

  Scenario: An upgrade brings the newer tree, and what it has itself is asked for in vain
    Given a host that follows the minimal tree of a server
    When I run "dnf -y install htop tree"
    And the host reboots
    And I run "dnf upgrade --check"
    Then it ends with status 77
    When the server has a newer minimal tree
    And I run "dnf upgrade --check"
    Then it ends with status 0
    And it says "Packages: the same"
    And it says "Nothing was deployed: this was a preview."
    When I run "dnf -y upgrade"
    Then it says "  trees:world/12/x86_64/minimal  12.1  commit "
    And "dnf status" says "  Layered packages: htop"
    And "dnf status" says " Inactive requests: tree"
    When the host reboots
    Then the server's minimal tree is the base of what is booted
    And "htop --version && tree --version" works
    And "dnf upgrade --check; test $? = 77" works

  Scenario: A switch does not take away what waits for the reboot, unless it is told to
    Given a host that follows the minimal tree of a server
    When I run "dnf -y install htop"
    And I run "dnf -y system-switch trees:world/12/x86_64/server"
    Then it fails
    And it says "--from-booted"
    And "dnf status" says "Layered packages: htop"
    When I run "dnf -y rebase trees:world/12/x86_64/server"
    Then it fails
    When I run "dnf -y --from-booted system-switch trees:world/12/x86_64/server"
    And the host reboots
    Then the server's server tree is booted, exactly
    And the program "htop" is not there

  Scenario: A rollback warns of data that another version will find
    Given a host that follows the minimal tree of a server
    When I run "dnf -y install redis-server-7.0.11 --repofrompath=more,file:///run/media/trees/rpms --nogpgcheck"
    And the host reboots
    And I add the line "REDIS0010" to /var/lib/redis/dump.rdb
    And I run "dnf -y upgrade redis-server"
    And the host reboots
    And I answer "n" to "dnf rollback"
    Then before it asks it says "Warning: /var stays as it is. The data of these packages is not rolled back:"
    And before it asks it says "  redis-tools (5:7.0.15-"
    And before it asks it says " -> 5:7.0.11-1): /var/lib/redis"
    And "redis-server --version" says "v=7.0.15"

  Scenario: The log of trees begins with what is booted
    Given a host that follows the minimal tree of a server
    When I run "dnf -y install python3-yaml --repofrompath=more,file:///run/media/trees/rpms --nogpgcheck"
    And the host reboots
    And I run "dnf -y install htop"
    Then "dnf tree log -n1" says "python3-yaml"
    And "dnf tree log -n1" does not say "htop"
