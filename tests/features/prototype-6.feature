@site
Feature: Prototype 6: a tree that was made on a host is hosted, and others go there
  As somebody who tests the sixth prototype
  I publish the tree that I have made, on disk and on the web
  and go there from the host that made it, and from another one, and back

  Scenario: From disk and over HTTP, by the same and by another host
    Given a host that was installed with the server tree
    When I run "dnf -y install htop"
    And the host reboots
    And I run "dnf -y tree host /srv/trees"
    And I run "dnf -y tree publish 0 /srv/trees --name our/server"
    Then it works
    # The same host, from disk.
    When I run "dnf -y tree remote add ours file:///srv/trees --no-verify"
    And I run "dnf -y rebase ours:our/server"
    Then it works
    When the host reboots
    Then "dnf status" says "ours:our/server (booted)"
    And "dnf status | sed '/^  1/,$d'" does not say "Layered packages"
    And "htop --version" works
    When I run "dnf -y rebase trees:world/12/x86_64/server"
    And the host reboots
    Then what is booted is exactly the server tree
    And the program "htop" is not there
    # Another host, over HTTP.
    When the host serves /srv/trees over HTTP
    Given a second host that was installed with the server tree
    When I run "dnf -y tree remote add ours http://10.77.1.2:8000 --no-verify"
    And I run "dnf -y rebase ours:our/server"
    Then it works
    When the host reboots
    Then "dnf status" says "ours:our/server (booted)"
    And "htop --version" works
    When I run "dnf -y rebase trees:world/12/x86_64/server"
    And the host reboots
    Then what is booted is exactly the server tree
    And the program "htop" is not there
