@site
Feature: A package is there without a reboot
  As somebody who needs a web server now, and whose host must not go down
  I have it applied to the running system, and find the same after the next reboot

  Scenario: Applied, used, taken back, and booted
    Given a host that was installed with the server tree
    When I run "dnf -y install --apply-live nginx-light"
    Then it ends well
    And it says "Staged deployment"
    And it says " runs now, and a reboot starts it"
    And there is one new deployment, staged
    And /usr is read-only
    And "systemctl start nginx" works
    And "python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1/").status)'" says "200"
    And "dnf status" says "Applied live"
    # Taken back, nothing of it is left.
    When I run "dnf apply-live --reset"
    Then it says "The booted deployment runs again as it was started"
    And the program "nginx" is not there
    And "ls /etc/nginx" fails, and says "No such file or directory"
    And what is booted is exactly the server tree
    # The reboot knows nothing of all that.
    When I run "dnf apply-live"
    And the host reboots
    Then "systemctl is-active nginx" says "active"
    And "ostree admin config-diff" does not say "nginx"
    And "systemctl is-system-running" says "running"
