@site
Feature: Prototype 5: a new tree from the one that is there and a package from a normal repository
  As somebody who tests the fifth prototype
  I install a package with what it needs, and ask whether the tree that this made is a good one

  Scenario: A web server and what it needs
    Given a host that was installed with the server tree
    When I run "dnf -y install nginx-light"
    Then it ends well
    And it says "Installing dependencies:"
    And it says "Staged deployment"
    And "dnf status" says "Layered packages: nginx-light"
    When the host reboots
    Then "systemctl is-active nginx.service" says "active"
    And "python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1/").status)'" says "200"
    # The quality of the tree.
    And "dnf tree verify" works
    And "ostree fsck --quiet" works
    And "dnf check" works
    And "dnf -q repoquery --installed --unsatisfied" says nothing
    And every file in /usr is as its package says
    And the requests are "nginx-light"
    And "dnf history userinstalled" says "nginx-light"
    And "systemctl is-system-running" says "running"
